"""Files from step to step: a data set is made, a model is fitted to it, metrics say how well. The line y = 2x + 1 is found."""

from common import run
from kfp import dsl
from kfp.dsl import Dataset, Input, Metrics, Model, Output


@dsl.component
def make_data(rows: int, data: Output[Dataset]):
    with open(data.path, "w") as file:
        file.writelines(f"{x},{2 * x + 1}\n" for x in range(rows))
    data.metadata["rows"] = rows


@dsl.component
def fit(data: Input[Dataset], model: Output[Model], metrics: Output[Metrics]):
    import json

    with open(data.path) as file:
        points = [tuple(map(float, line.split(","))) for line in file]
    count = len(points)
    mean_x, mean_y = (sum(values) / count for values in zip(*points))
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    intercept = mean_y - slope * mean_x
    with open(model.path, "w") as file:
        json.dump({"slope": slope, "intercept": intercept}, file)
    metrics.log_metric("slope", slope)
    metrics.log_metric("error", sum((slope * x + intercept - y) ** 2 for x, y in points) / count)


@dsl.pipeline
def artifacts(rows: int = 100):
    data = make_data(rows=rows)
    fit(data=data.outputs["data"])


if __name__ == "__main__":
    done = run(artifacts)
    print(f"{done.state}: millrace get {done.run_id} --output results fetches the model")
