"""The engine `cometbft`: CometBFT orders, this application executes; docs/decisions/0170."""
