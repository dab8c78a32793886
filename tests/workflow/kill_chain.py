"""Kills a campaign in every single act.

    python kill_chain.py STORE TASK [PLUGIN]...

Prints how many processes were killed.
"""

import sys

from rectune_dsl.testing.kill_chain import run_and_kill

store, task, *plugins = sys.argv[1:]
run_and_kill(store, task, plugins)
