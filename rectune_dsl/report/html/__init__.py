"""How pages look: templates, one stylesheet, one small script; and the self-contained file made of them.
Needs the extra `report`: see `report.extra.needed`."""
