"""The tables of pages that cross rooms."""

from playground.console.workbench.models import Cell, Column, Turn, Workbench

__all__ = ["Cell", "Column", "Turn", "Workbench"]
