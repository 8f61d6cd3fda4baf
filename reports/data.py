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
from radrobust.reporting import gallery, sentences, tables
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
# ## What was found wrong

# %%
tables.notes(study)

# %%
tables.remarks(study)

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
