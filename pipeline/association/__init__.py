"""Which tracklets are the same person.

problem.py        what a method is given
average_link.py   methods: average-link clustering,
hungarian.py      Hungarian assignment per camera pair with rounds of reassignment,
online.py         one tracklet after the other, also for streams
k_reciprocal.py   vectors drawn together before they are grouped, an option
assignments.py    a method's groups, completed and explained
"""
