"""A hospital: one epoch of logistic regression over 180 drawn rows of 10 columns."""

from __future__ import annotations

import numpy as np
from flwr.app import (  # type: ignore[import-not-found]
    ArrayRecord,
    Context,
    Message,
    MetricRecord,
    RecordDict,
)
from flwr.clientapp import ClientApp  # type: ignore[import-not-found]

ROWS, COLUMNS, BATCH, RATE = 180, 10, 16, 0.05

app = ClientApp()


@app.train()  # type: ignore[untyped-decorator]
def train(message: Message, context: Context) -> Message:
    """Return the parameters after an epoch: weights, then the intercept."""
    weights = message.content["arrays"].to_numpy_ndarrays()[0]
    random = np.random.default_rng(int(context.node_config["site"]))
    x = random.normal(size=(ROWS, COLUMNS))
    y = (x[:, 0] > 0).astype(float)
    for start in range(0, ROWS, BATCH):
        rows, truth = x[start : start + BATCH], y[start : start + BATCH]
        residuals = 1 / (1 + np.exp(-(rows @ weights[:-1] + weights[-1]))) - truth
        weights = weights - RATE * np.append(rows.T @ residuals, residuals.sum()) / len(truth)
    told = MetricRecord({"num-examples": ROWS})
    content = RecordDict({"arrays": ArrayRecord([weights]), "metrics": told})
    return Message(content=content, reply_to=message)
