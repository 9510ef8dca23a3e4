#pragma once
// The lab's page as calls over HTTP: what a person types there, done by an ordinary client of the running server.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/lab/mnist.h"
#include "app/lab/progress.h"
#include "app/options.h"
#include "aws/client.h"
#include "aws/credentials.h"
#include "base/result.h"
#include "base/value.h"
#include "net/client.h"

namespace millrace::app {

// A server's APIs, and the credentials for them.
struct LabClient {
  LabClient(std::string server_endpoint, std::string server_region, aws::Credentials administrator, DataLayout data);
  Result<Value> aws(const std::string& service, std::string_view operation, const Value& input);
  Result<Value> pipelines(std::string_view method, std::string_view path, const Value& body);  // under /apis/v2beta1
  Result<Value> kubernetes(std::string_view method, std::string_view path, const Value& body);

  std::string endpoint, region;

 private:
  DataLayout data_;
  std::shared_ptr<aws::CredentialsProvider> credentials_;
  std::vector<std::pair<std::string, std::unique_ptr<aws::Client>>> clients_;
  std::string operator_token_;  // read when first needed
  net::Client http_;
};

// The page's first half: user kf-smuser with its policy and access key; the Secret aws-secret in kubeflow.
Status create_user_and_secret(LabClient& client);

// The page's second half: the worker role's trust, managed policies and inline policy. Returns the role's ARN.
Result<std::string> prepare_worker_role(LabClient& client, const std::string& cluster_name);

// The bucket of the run with the processing script in it. Returns the bucket's name.
Result<std::string> upload_code(LabClient& client);

// Submits the pipeline MNIST Classification. Returns the run's id.
Result<std::string> submit_pipeline(LabClient& client, const std::string& role_arn, const std::string& bucket);

// The run as it stands: its tasks in the order of the graph, each as a step of depth 1.
struct RunState {
  std::string state;  // KFP's RuntimeState
  std::string error;
  std::vector<LabStep> tasks;
};
Result<RunState> look_at_run(LabClient& client, const std::string& run_id);

// Every test digit through InvokeEndpoint.
struct Predictions {
  std::string endpoint_name;
  std::vector<int> cluster;          // per test digit
  std::vector<double> distance;      // Euclidean
  double mean_squared_distance = 0;  // test:msd of the endpoint's model
  double purity = 0;                 // share of digits that are of their cluster's majority
  struct Cluster {
    std::size_t size = 0;
    int majority = 0;
    double purity = 0;
  };
  std::vector<Cluster> clusters;
};
// The first `count` digits one by one, as CSV and as JSON in turn (both must agree).
Result<std::vector<std::pair<int, double>>> predict_one_by_one(LabClient& client, const std::string& endpoint_name,
                                                               const Digits& digits, std::size_t count);
Result<Predictions> predict_all(LabClient& client, const std::string& endpoint_name, const Digits& digits);
Result<std::string> newest_endpoint(LabClient& client);

}  // namespace millrace::app
