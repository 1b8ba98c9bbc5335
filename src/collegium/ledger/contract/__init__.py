"""The contract: a pure, deterministic state machine that every engine calls.

`apply.apply(state, transaction)` returns events or raises `Rejected`; architecture 3.1. One
module a concern, each with its tables and handlers: members, governance, studies, rounds (with
`phases`, the data of a design), votes, evaluations, evidence. No floats, clock, randomness, I/O
or iteration over unordered sets.
"""
