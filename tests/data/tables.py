"""Small tables that the tests of reading share."""

from __future__ import annotations

EVENTS = """user_id,item_id,rating,timestamp
u2,a,5,1000000300
u1,b,4,1000000200
u1,a,3,1000000100
u2,c,1,1000000400
u1,c,5,1000000200
"""
ITEMS = """item_id,title,year
a,Alien,1979
b,"Brazil, the film",1985
c,Contact,
"""


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def pairs(data):
    return list(zip(data.interactions["user_id"], data.interactions["item_id"], strict=True))
