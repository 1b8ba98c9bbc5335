"""Layer 4: formats, contract, log, state and the engines that put transactions in order."""
