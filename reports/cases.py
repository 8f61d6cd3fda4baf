# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python
#     language: python
#     name: python3
# ---

# %% [raw]
# ---
# title: Case by case
# description: Every test film, what each system says of it, and where it looks.
# toc: false
# page-layout: full
# ---

# %%
from radrobust.report.kit.study import Study
from radrobust.report.pages import cases

study = Study.load()
cases.rule(study)

# %%
cases.frame()

# %% [markdown]
# ## How to read a case
#
# The bar is the probability of the finding that the network gives; its answer changes at the mark
# in the middle. ✓ is a right answer, ✗ a wrong one; ✓→✗ was right before the attack and is wrong
# after it. Films that were wrong before any attack are left as they are.

# %%
cases.how_to_read(study)

# %% [markdown]
# ::: {.callout-warning}
# ## Single cases prove nothing
# No number here says how a system would do on patients, and no film stands for the others: how
# often something happens is on the other pages, with its interval. A map that hits the finding
# does not prove that the answer rests on it.
# :::
#
# The arrow keys step through the films that are shown. The address of this page names the film, the
# system and the filters: copy it to send somebody a case.
