"""The command line several times at once.

    python forked.py JOBS

JOBS is JSON, a list of [folder, words]: each is `rectune WORDS` in a folder. Ends with 0 if all of them do.
"""

import json
import os
import sys
from functools import partial

from rectune_dsl.testing.forked import fork, import_rooms

import_rooms()
started = [fork(words, partial(os.chdir, folder)) for folder, words in json.loads(sys.argv[1])]
ended = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in started]
sys.exit(any(ended))
