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
# title: How it was done
# description: Networks, metrics, parameters and versions, and how to run it again.
# ---

# %%
from radrobust.report.kit import networks, threat
from radrobust.report.kit.study import Study
from radrobust.report.pages.methods import costs, downloads, provenance

study = Study.load()

# %% [markdown]
# ## The systems

# %%
networks.in_words(study)

# %% [markdown]
# Which they are, and how long their training took, is on the page [Systems](systems.ipynb).

# %% [markdown]
# ## Threat model

# %%
threat.threat_model(study)

# %% [markdown]
# ## Metrics
#
# Sensitivity
# : Share of films with the finding that are called so. Wilson interval.
#
# Specificity
# : Share of films without the finding that are called so. Wilson interval.
#
# Balanced accuracy
# : Mean of the two. Newcombe's interval from their Wilson intervals.
#
# Accuracy, precision
# : Share of films called right; share of films called positive that are. Wilson intervals.
#
# AUROC
# : How often a film with the finding outscores one without, ties counting half; the score is the
#   difference of the logits. Percentile bootstrap, stratified by class; where the two classes are
#   wholly apart no resample differs, and Wilson's interval for the smaller class takes its place.
#
# AUPRC
# : Average precision: precision at each film with the finding, in falling order of the score, mean
#   over them. Bootstrap as for AUROC.
#
# F1
# : Harmonic mean of precision and recall. Bootstrap as for AUROC.
#
# Brier score
# : Mean squared difference of the probability of the finding from 1 where it is there and from 0
#   where it is not. Bootstrap as for AUROC.
#
# Calibration error
# : Expected calibration error of that probability: in ten bins of equal width, by how much its mean
#   is off the share of films with the finding, weighted by the films in the bin. Chance alone keeps
#   it above 0. Bootstrap as for AUROC, which leans upwards here.
#
# Comparison of two systems
# : Difference of a metric on the same films, with a bootstrap that draws the same films for both.
#   McNemar's exact test, two-sided, of the films that only one of them is right about; Holm's
#   correction over all pairs.
#
# Coverage
# : Share of the marked pixels among the strongest p per cent of the film's pixels; ties are shared
#   out. Mean over films, percentile bootstrap over films, as for all that follows but shares.
#
# Pointing game, mass, AUPRC of a map
# : Share of films whose strongest pixel is marked, without tolerance, with Wilson's interval; share
#   of the map's whole strength on the marked pixels; average precision of the strength for the
#   marked pixels. Chance is the mean share of the film that is marked.
#
# Deletion, insertion
# : Mean probability of the answer while the film's pixels are replaced by the baseline's, or put
#   back, first those that speak most for it. The gain is over a map of noise of the same film.
#
# Infidelity, max-sensitivity
# : Mean squared error of the map, on its best scale, in foretelling the fall of the logit when
#   squares of the film are taken away, as a share of what a map has that says nothing; largest
#   relative change of the map under small changes.
#
# Clean against attacked map
# : Spearman's rank correlation, structural similarity, and the shared part of the strongest tenth
#   of pixels, by strength, within the film. Films that the attack changed.
#
# All intervals hold the trained networks fixed. Attacked numbers count every test film, also those
# that were wrong before the attack.
#
# ## What is done otherwise than in the study that is rebuilt
#
# Eight things in how that study measures are on the page [Published figures](published.ipynb): what
# each does to its numbers, and what is done here.
#
# ## Run it again
#
# ```bash
# pip install -e .
# dvc repro
# ```
#
# `dvc repro` runs what has changed and nothing else; `dvc exp run -S attack.eps=8/255` does so with
# one parameter changed, and `radrobust compare NAME NAME` lays experiments beside each other. The
# pages are the scripts in `reports/`, executed into notebooks; the line at the foot of each page
# says what rendered them.
#
# ## What it took

# %%
costs.in_words(study)

# %%
costs.costs(study)

# %% [markdown]
# A stage whose results DVC finds in its cache does not run, and keeps the time of when it did.
# Times depend on the machine, and on what else it does meanwhile.
#
# ### Number format
#
# Some machines compute faster in bfloat16, a number format with fewer digits than float32; others
# are slower in it. Where `precision` is `auto` and the hardware has it, one step of the work is
# timed several times in each, for each network, before the work begins. bfloat16 is used only where
# it is faster by a tenth or more. Verdicts and validation are in float32 in any case.

# %%
costs.precisions(study)

# %% [markdown]
# ## Tables to download

# %%
downloads.tables(study)

# %% [markdown]
# ## How to cite

# %%
downloads.citation(study)

# %% [markdown]
# ## Parameters

# %%
provenance.parameters(study)

# %% [markdown]
# ## Versions

# %%
provenance.commit(study)

# %%
provenance.versions()
