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
# description: Every test radiograph, with the answers and the maps of every system.
# toc: false
# page-layout: full
# ---

# %% [markdown]
# Every test radiograph, with the answer of each system: clean, and as the attack on that very
# system left it. **Each map explains the answer that the network gave to that very image.** Where
# the answer is “no finding”, the map shows the pixels that speak for “no finding”; an attacked
# radiograph is explained by the answer to it. Maps are there for every test radiograph with the
# finding, and, where the study asks for it, for some without.

# %%
from radrobust.report.pages import cases

cases.frame()

# %% [markdown]
# ## How to read a case
#
# The bar is the probability of the finding that the network gives; its answer changes at the mark
# in the middle. ✓ is a correct answer, ✗ a misclassification; ✓→✗ was correct before the attack and
# is misclassified under it. Radiographs that were misclassified before any attack are left as they
# are.
#
# Under each map is how much of the finding it covers, where it is marked: how many of the marked
# pixels are among the radiograph's strongest five per cent; a random map has five per cent of them
# there. Red speaks for the answer, blue against it; methods without a sign run from black to
# yellow. One scale of colours holds for all maps of a method and a system, so radiographs can be
# compared, and clean with attacked; systems and methods cannot. Radiographs wider than 96 pixels
# are compressed here, so that the change by the attack is not seen pixel by pixel, and maps wider
# than 112 pixels are averaged.
#
# ::: {.callout-warning}
# ## Single cases prove nothing
# No number here says how a system would do on patients, and no radiograph represents the others:
# how often something happens is on the other pages, with its interval. A map that hits the finding
# does not prove that the answer rests on it.
# :::
#
# The arrow keys step through the radiographs that are shown. The address of this page names the
# radiograph, the system and the filters: copy it to send somebody a case.
