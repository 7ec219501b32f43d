#!/usr/bin/env python3
"""The guide's command line: python3 scripts/backup_manager.py --environment … --operation …; see scripts/backup_manager."""
import os
import sys

script = os.path.join(os.path.dirname(os.path.realpath(__file__)), "backup_manager")
os.execv(script, [script, *sys.argv[1:]])
