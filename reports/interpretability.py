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
# title: Where the networks look
# description: Heat maps held against the fracture, against chance, and against their own promise.
# ---

# %%
from radrobust.reporting import gallery, sentences, tables
from radrobust.reporting.study import Study

study = Study.load()
sentences.maps_in_words(study)

# %%
sentences.localisation_rule(study)

# %% [markdown]
# ## Do the maps hit the fracture?
#
# A map orders the film's pixels by the strength of their influence, whatever its sign. Of the
# marked pixels, how many are among the first five per cent? A map that knows nothing has five per
# cent of them there, so numbers near chance say that the map does not point at the fracture. The
# padding around a film does not count.

# %%
tables.localisation(study)

# %% [markdown]
# ::: {.callout-note}
# ## What a map does not say
# A map that hits the fracture does not prove that the answer rests on it, and one that misses it
# does not prove the opposite: maps are rough readings of a network, and methods disagree. Chance
# here does not even know where the bone is: a map that merely follows bone already beats it.
# :::
#
# ## Do the maps add up?
#
# DeepLIFT promises that the values of a map sum up to the change in output between the film and
# the baseline. Where they don't, the map is not what its name says.

# %%
tables.convergence(study)

# %% [markdown]
# ## Gallery
#
# On top each film and its maps, below them the same with the fracture outlined and the map laid
# over the film; the small print says how much of the fracture is among the top 5 % of pixels.
# Colours have one scale for each system and explainer, so that films can be compared within a
# column; strengths can't be compared between systems.

# %%
gallery.maps(study)
