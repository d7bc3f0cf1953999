"""Measure explanations: ``python docs/make_faithfulness.py DATA ENCODER [...]`` prints the rows of a table.

A stratified half of each data set, at most 200 samples, is trained on; up to 30 of the others are explained.
"""

import sys

from sklearn.model_selection import train_test_split

from img_repr import ImageClassifier, load_dataset
from img_repr.explain import explain
from img_repr.explain.faithfulness import faithfulness

for name, encoder in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
    data = load_dataset(name)
    train, test = train_test_split(range(len(data)), test_size=0.5, random_state=0, stratify=data.labels)
    model = ImageClassifier(encoder, size=32, epochs=40).fit(data.subset(train[:200]))
    found = faithfulness(model, explain(model, data.subset(test[:30])))
    numbers = (
        found.deletion, found.random_deletion, found.image_deletion, found.p_deletion, found.insertion,
        found.random_insertion, found.p_insertion, found.sanity,
    )  # fmt: skip
    print("|", " | ".join([name, encoder, str(found.n), *(f"{number:.2g}" for number in numbers)]), "|", flush=True)
