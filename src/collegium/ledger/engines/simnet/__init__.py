"""The engine `simnet`: any consensus protocol, on a simulated network, in virtual time."""
