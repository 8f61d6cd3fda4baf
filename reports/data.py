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
# title: The films
# description: How many, of what, split how, and what was found wrong with them.
# ---

# %%
from radrobust.reporting import data_figures, gallery, sentences, tables
from radrobust.reporting.study import Study

study = Study.load()
sentences.composition(study)

# %% [markdown]
# ## Counts
#
# The split is drawn separately in each class, so that all parts have the same share of findings.
# Films that show the same picture always fall into the same part. Nothing is resampled: the share
# of findings is that of the dataset, which need not be that of any clinic.

# %%
tables.counts(study)

# %% [markdown]
# ## What they show
#
# Can the label be guessed from anything but the finding? Where one class has other bones, other
# machines or other formats than the other, a network may learn those.

# %%
data_figures.compositions(study)

# %%
tables.parts_counted(study)

# %%
data_figures.sizes(study)

# %%
data_figures.finding_sizes(study)

# %% [markdown]
# ## What was found wrong

# %%
tables.notes(study)

# %%
tables.remarks(study)

# %% [markdown]
# ## The same picture more than once
#
# A film in the training part that comes again in the test part is no test. Two labels on one
# picture cannot both be right.

# %%
gallery.same_pictures(study)

# %% [markdown]
# ## Examples
#
# Drawn by a hash of the study's seed and the film's name, from all parts of the split: not chosen
# because they are easy, hard or pretty. They are shown as the networks see them, enlarged.

# %%
gallery.examples(study)

# %% [markdown]
# ## Source and licence

# %%
tables.citation(study)
