"""People who are remembered beyond one run.

store.py      the file: who was seen where and when, vectors and pictures; one writer, many readers
adding.py     a run's people become people of the gallery
changing.py   merging, splitting, forgetting
page.py       everyone, with pictures
deleting.py   a person goes everywhere: from the gallery and from the runs, with a proof
"""
