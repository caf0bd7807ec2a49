"""Which tracklets are the same person.

problem.py        what a method is given
average_link.py   methods: average-link clustering,
hungarian.py      Hungarian assignment per camera pair with rounds of reassignment,
online.py         one tracklet after the other, also for streams
centring.py       each camera's mean, taken off before people are compared
k_reciprocal.py   vectors drawn together before they are grouped, an option
assignments.py    a method's groups, completed and explained
"""
