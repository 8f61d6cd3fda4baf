"""Every table of a study is declared here, a module a part of the way through it.

Writers are checked by these declarations, readers find their files by them, and the README of the
downloads is made from them. Each stage imports the tables that it reads and writes alone, so that a
new table concerns nobody else.
"""
