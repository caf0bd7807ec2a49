"""Where and when a person may have been: a picture, a clip or a stay against a run or a gallery.

query.py     what is looked for: a vector from a picture, a clip or a stay
target.py    what is searched: a run or a gallery
finding.py   the stays most like it
page.py      the page that shows them
"""
