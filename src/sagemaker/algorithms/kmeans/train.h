#pragma once
// K-Means' training, with the log lines of SageMaker's own container.

#include "algorithms/kmeans.h"
#include "sagemaker/algorithms/algorithm.h"

namespace millrace::sagemaker::built_in::kmeans {

// The default of `seed` is made of the other hyperparameters, so that a job repeated with the same ones gives the same
// model. The settings are the table's (algorithm.cpp).
std::string default_seed(const Settings& settings);
algorithms::KMeansOptions options_of(const Settings& settings);
Status train(const TrainingJob& job);

}  // namespace millrace::sagemaker::built_in::kmeans
