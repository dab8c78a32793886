"""The console: pages over a store on this machine, for watching runs and answering what they ask.

Only `rectune ui` imports it; the packages of the extra `ui` are needed here and nowhere else.
"""
