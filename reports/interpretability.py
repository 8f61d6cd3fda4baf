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
# title: Where the networks look, and whether the maps can be believed
# description: Maps against the finding, against chance, against noise, and under attack.
# ---

# %%
from radrobust.report.kit import gallery, maps
from radrobust.report.kit.study import Study
from radrobust.report.pages.interpretability import charts, finding, network, summary

study = Study.load()
summary.answers(study)

# %% [markdown]
# **Each map explains the answer that the network gave to that very image.** Where the answer is
# “no finding”, the map shows the pixels that speak for “no finding”; an attacked radiograph is
# explained by the answer to it. Explained are all test radiographs with the finding, and, where the
# study asks for it, the first of those without, by a hash of the seed and the radiograph's name:
# each clean, and as the attack on that system left it. Maps are compared with the finding where it
# is marked.
#
# ::: {.callout-warning}
# ## Limits of maps
# A map that hits the finding does not prove that the answer rests on it, and one that misses it
# does not prove the opposite: maps are rough readings of a network, and methods disagree. Chance
# here knows nothing of the body: a map that merely follows its outline may beat it.
# :::
#
# ## Do the maps hit the finding?
#
# A map orders the radiograph's pixels by the strength of their influence, whatever its sign. Of the
# marked pixels, how many are among the strongest five per cent? A random map has five per cent of
# them there. The padding around a radiograph does not count.

# %%
finding.at_a_glance(study)

# %% [markdown]
# The radiographs themselves are in the [gallery](#gallery). Below is every measure. Mass is the
# share of the map's whole strength that is on the finding; the pointing game asks whether the
# strongest pixel is; AUPRC is the mean precision if the map is taken as a search for the finding.
# Chance, for these three, is the finding's share of the radiograph.

# %%
finding.by_method(study)

# %% [markdown]
# ## Does the attack change where they look?
#
# Where a radiograph is misclassified under attack, the explanation may change with the answer;
# where it is robust, a map that looks elsewhere all the same is not to be relied on. Radiographs
# that were misclassified before are left as they are, and do not count here.

# %%
maps.survival(study)

# %% [markdown]
# ## Do the maps add up?
#
# DeepLIFT and integrated gradients promise that the values of a map sum up to the change in output
# between the radiograph and the baseline. Where they do not, the map breaks its promise.

# %%
network.convergence(study)

# %% [markdown]
# ## Do they name the reasons for the answer?
#
# Take away the pixels that a map says speak most for the answer, that is replace them by those of
# the baseline, and the answer should lose its ground; put them back first, and it should return. A
# map of noise, put to the same test, says how much of that any pixels would do.

# %%
network.faithfulness(study)

# %%
network.faithfulness_curves(study)

# %%
network.strays(study)

# %% [markdown]
# ## Do they depend on the weights?
#
# Weights are shuffled, part by part from the top, until nothing learnt is left. A map that
# explains the network must change with it: the curves must go down. One that stays as it is shows
# the radiograph, not the network.

# %%
network.randomisation(study)

# %%
charts.randomisation(study)

# %% [markdown]
# ## Gallery
#
# Of each system the first radiograph, in the order of the hash, that is a true positive, a false
# negative, a false positive, and misclassified under attack: not chosen by hand, and none is shown
# twice. A click on an image opens the case in the [case browser](cases.ipynb).
#
# In each card the clean radiograph is above the attacked one: every map, and below it the same laid
# over the radiograph, the finding outlined where it is marked. The small print says how much of the
# marked finding is covered by the strongest 5 % of pixels. Red speaks for the answer, blue against
# it; methods without a sign run from black to yellow. One scale of colours holds for all maps of a
# method and a system, so radiographs can be compared, and clean with attacked; systems and methods
# cannot. Large maps are averaged over small squares of pixels.

# %%
gallery.cards(study)
