"""One member's process: it replays the ledger, and acts for its member as the policy allows."""
