"""Panels as Vega-Lite specs, drawn with Altair. Needs the extra `report`.

Marks differ in shape or dash as well as in colour; their colours are those of Okabe and Ito that stand out on
white and on black. Text and axes have the colour of the text around them.
"""
