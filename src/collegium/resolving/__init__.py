"""What an attempt at a round comes to: one calculation for validators, auditors and simulations.

An `Attempt` is what the ledger fixed, a `Plan` what document and registration say, `Blobs` what is
behind digests; `resolve` makes of them what a vote is for. Nothing here trains.
"""
