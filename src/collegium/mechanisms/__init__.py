"""Mechanisms: a folder for each capability of a study; docs/index.md tells what lies in one."""
