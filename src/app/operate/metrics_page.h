#pragma once
// The page that Prometheus reads, text format 0.0.4. Source: prometheus.io, "Exposition formats".

#include <string>

#include "app/live_children.h"
#include "app/operate/operation_metrics.h"
#include "app/operate/request_metrics.h"
#include "app/options.h"
#include "pipelines/pipelines.h"
#include "sagemaker/sagemaker.h"

namespace millrace::app {

struct MetricsSources {
  const RequestMetrics& requests;
  const OperationMetrics& operations;
  pipelines::Pipelines& pipelines;
  sagemaker::SageMaker& sagemaker;
  LiveChildren& children;
  const ServeOptions& options;
  const DataLayout& layout;
};
// What cannot be read is left out. Takes a statement for the runs and one for SageMaker, by indexes of what is under
// way.
std::string metrics_text(const MetricsSources& sources);

}  // namespace millrace::app
