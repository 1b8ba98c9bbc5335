"""Differential privacy: what each site's units have lost, and a clip that follows the updates."""
