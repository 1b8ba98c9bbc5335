//go:build tools

// This module names CometBFT and all that it is built of, by hash; nothing else is in it.
package cometbft

import _ "github.com/cometbft/cometbft/cmd/cometbft"
