"""What a round takes, ours beside peers': programs that run workloads and tell their outcome.

The runners of peers run in environments of their own, which have NumPy and none of our libraries:
what they import of ours, `outcome` and `workloads`, imports nothing more.
"""
