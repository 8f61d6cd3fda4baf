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
# description: Heat maps against the finding, against chance, against noise, and under attack.
# ---

# %%
from radrobust.report.kit import gallery as map_gallery
from radrobust.report.kit.study import Study
from radrobust.report.pages.interpretability import charts as map_figures
from radrobust.report.pages.interpretability import explanations, localisation
from radrobust.report.pages.interpretability import summary as map_words

study = Study.load()
map_words.in_words(study)

# %%
map_words.rule(study)

# %% [markdown]
# ::: {.callout-warning}
# ## What a map does not say
# A map that hits the finding does not prove that the answer rests on it, and one that misses it
# does not prove the opposite: maps are rough readings of a network, and methods disagree. Chance
# here knows nothing of the body: a map that merely follows its outline may beat it.
# :::
#
# ## Do the maps hit the finding?
#
# A map orders the film's pixels by the strength of their influence, whatever its sign. Of the
# marked pixels, how many are among the strongest five per cent? A map that knows nothing has five
# per cent of them there. The padding around a film does not count.

# %%
localisation.at_a_glance(study)

# %% [markdown]
# The films themselves are in the [gallery](#gallery). Below is everything that was measured. Mass
# is the share of the map's whole strength that falls on the finding; the pointing game asks
# whether the strongest pixel does; AUPRC is the mean precision if the map is taken as a search for
# the finding. Chance, for these three, is the finding's share of the film.

# %%
localisation.by_method(study)

# %% [markdown]
# ## Does the attack change where they look?
#
# Where the attack changes the answer, the explanation may change with it; where the answer stood, a
# map that looks elsewhere all the same is not to be relied on. Films that were wrong before are
# left as they are, and do not count here.

# %%
explanations.survival(study)

# %% [markdown]
# ## Do the maps add up?
#
# DeepLIFT and integrated gradients promise that the values of a map sum up to the change in output
# between the film and the baseline. Where they don't, the map is not what its name says.

# %%
explanations.convergence(study)

# %% [markdown]
# ## Do they name what the answer rests on?
#
# Take away the pixels that a map says speak most for the answer, that is replace them by those of
# the baseline, and the answer should lose its ground; put them back first, and it should return. A
# map of noise, put to the same test, says how much of that any pixels would do.

# %%
explanations.faithfulness(study)

# %%
explanations.faithfulness_curves(study)

# %%
explanations.strays(study)

# %% [markdown]
# ## Do they depend on the weights?
#
# Weights are shuffled, part by part from the top, until nothing learnt is left. A map that
# explains the network must change with it: the curves must fall. One that stays as it is shows the
# film, not the network.

# %%
explanations.randomisation(study)

# %%
map_figures.randomisation(study)

# %% [markdown]
# ## Gallery

# %%
map_gallery.rule(study)

# %%
map_gallery.how_to_read(study)

# %%
map_gallery.cards(study)
