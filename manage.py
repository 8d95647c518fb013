#!/usr/bin/env python
"""Run a management command, as in ``python manage.py create_api_key --user ana --team hiring``."""

import os
import sys

from django.core.management import execute_from_command_line

from playground.core.environment import InvalidSetting
from playground.core.silos import InvalidDatabaseUrl

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "playground.settings")
    try:
        execute_from_command_line(sys.argv)
    except (InvalidSetting, InvalidDatabaseUrl) as wrong:
        sys.exit(str(wrong))
