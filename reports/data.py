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
from radrobust.report.kit import tables
from radrobust.report.kit import warnings as sentences
from radrobust.report.kit.study import Study
from radrobust.report.pages.data import charts as data_figures
from radrobust.report.pages.data import faults as audit
from radrobust.report.pages.data import gallery

study = Study.load()
sentences.composition(study)

# %% [markdown]
# ## Counts
#
# Where a film falls, a hash of the study's seed and its name decides, or whoever split the dataset
# before. Films that show the same picture, or nearly the same, always fall into the same part, and
# so do those of one patient where that is known. The share of films with the finding need not be
# that of any clinic.

# %%
tables.counts(study)

# %% [markdown]
# ## Can the label be guessed without looking?
#
# Small models were given one thing about each film, and asked for the label. A
# pair is one film of each class; guessing tells half of all pairs apart. Where a probe does much
# better, the classes may differ in where or how the films were made; a network can learn that
# difference instead of the finding, and its good numbers might not hold in another hospital.

# %%
audit.probes(study)

# %%
audit.probe_sentences(study)

# %% [markdown]
# A thumbnail of 12×12 pixels shows no fine line, but it may show which part of the body, which side
# and which machine. A probe that knows nothing does not prove that there is no shortcut: it has
# looked for these alone.

# %%
audit.formats(study)

# %%
data_figures.sizes(study)

# %% [markdown]
# ## What they show
#
# Where the classes differ in what they show besides the finding, such as in the part of the body or
# in metal, a network may learn that.

# %%
data_figures.compositions(study)

# %%
tables.parts_counted(study)

# %%
data_figures.finding_sizes(study)

# %% [markdown]
# ## What was found wrong

# %%
audit.summary(study)

# %%
audit.counted(study)

# %%
audit.listed(study)

# %% [markdown]
# ## Text in the image
#
# The header of a DICOM file may say that text is burnt into the image (BurnedInAnnotation). Such
# text may be the patient's name. Other files cannot say so, and no header is proof that there is
# none.

# %%
gallery.burned_in(study)

# %% [markdown]
# ## The same picture more than once
#
# A film in the training part that comes again in the test part is no test. Two labels on one
# picture cannot both be right.

# %%
gallery.same_pictures(study)

# %% [markdown]
# ## Nearly the same picture
#
# Copies that were saved anew, resized, brightened, cut at the edges, mirrored, or whose file ends
# early; now and then two exposures of one limb. They were found by a hash of their coarse structure
# and confirmed by the correlation of their thumbnails, one laid over the other: 1 is the same.
# They stay in one part of the split for the same reason.

# %%
audit.near(study)

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
