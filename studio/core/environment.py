"""Environment variables that the command line sets for the editor."""

from __future__ import annotations

ROOT_VARIABLE = "PARLEY_PROJECTS"
"""Environment variable that tells the pages where the projects are."""
