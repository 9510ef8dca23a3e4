#include "sagemaker/frameworks/table.h"

namespace millrace::sagemaker::frameworks {
namespace {

constexpr Repository kRepositories[] = {
    {"sagemaker-scikit-learn", "scikit-learn", Uses::both},
    {"sagemaker-xgboost", "xgboost", Uses::both},
    {"pytorch-training", "pytorch", Uses::training},
    {"pytorch-inference", "pytorch", Uses::inference},
    {"pytorch-training-arm64", "pytorch", Uses::training},
    {"pytorch-inference-arm64", "pytorch", Uses::inference},
    {"pytorch-inference-graviton", "pytorch", Uses::inference},
    {"pytorch-inference-eia", "pytorch", Uses::inference},
    {"pytorch-trcomp-training", "pytorch", Uses::training},
    {"sagemaker-pytorch", "pytorch", Uses::both},
    {"smdistributed-modelparallel", "pytorch", Uses::training},
    {"tensorflow-training", "tensorflow", Uses::training},
    {"tensorflow-inference", "tensorflow", Uses::inference},
    {"tensorflow-inference-arm64", "tensorflow", Uses::inference},
    {"tensorflow-inference-graviton", "tensorflow", Uses::inference},
    {"tensorflow-inference-eia", "tensorflow", Uses::inference},
    {"sagemaker-tensorflow", "tensorflow", Uses::both},
    {"sagemaker-tensorflow-scriptmode", "tensorflow", Uses::training},
    {"sagemaker-tensorflow-serving", "tensorflow", Uses::inference},
    {"huggingface-pytorch-training", "huggingface", Uses::training},
    {"huggingface-pytorch-trcomp-training", "huggingface", Uses::training},
    {"huggingface-pytorch-inference", "huggingface", Uses::inference},
    {"huggingface-tensorflow-training", "huggingface-tensorflow", Uses::training},
    {"huggingface-tensorflow-inference", "huggingface-tensorflow", Uses::inference},
    {"mxnet-training", "mxnet", Uses::training},
    {"mxnet-inference", "mxnet", Uses::inference},
    {"sagemaker-mxnet", "mxnet", Uses::both},
    {"sagemaker-mxnet-serving", "mxnet", Uses::inference},
    {"autogluon-training", "autogluon", Uses::training},
    {"autogluon-inference", "autogluon", Uses::inference},
    {"sagemaker-base-python-*", "python", Uses::both},
    {"sagemaker-distribution-prod", "data-science", Uses::both},
    {"sagemaker-data-science-*", "data-science", Uses::both},
};

constexpr Release kReleases[] = {
    {"scikit-learn", "0.20.0", "", "0.20.0", "3.6", "scikit-learn==0.20.0"},
    {"scikit-learn", "0.23-1", "", "0.23.2", "3.7", "scikit-learn==0.23.2 numpy==1.19.2 pandas==1.1.3 scipy==1.5.3"},
    {"scikit-learn", "1.0-1", "", "1.0.2", "3.8", "scikit-learn==1.0.2 numpy==1.19.2 pandas==1.1.3 scipy==1.5.3"},
    {"scikit-learn", "1.2-1", "", "1.2.1", "3.8", "scikit-learn==1.2.1 numpy==1.24.1 pandas==1.1.3 scipy==1.5.3"},
    {"scikit-learn", "1.4-2", "", "1.4.2", "3.10",
     "scikit-learn==1.4.2 numpy==2.1.0 scipy>=1.9.0 pandas>=2.0.0,<3 pyarrow==17.0.0"},
    {"scikit-learn", "", "", "", "", "scikit-learn=={v} numpy pandas scipy pyarrow"},

    {"xgboost", "0.90-1", "", "0.90", "3.6", "xgboost==0.90 numpy pandas scikit-learn scipy"},
    {"xgboost", "0.90-2", "", "0.90", "3.6", "xgboost==0.90 numpy pandas scikit-learn scipy"},
    {"xgboost", "1.0-1", "", "1.0.0", "3.7",
     "xgboost==1.0.0 numpy==1.19.2 pandas==1.1.3 scikit-learn==0.23.2 scipy==1.2.2 matplotlib==3.3.2"},
    {"xgboost", "1.2-1", "", "1.2.0", "3.7",
     "xgboost==1.2.0 numpy==1.19.2 pandas==1.1.3 scikit-learn==0.23.2 scipy==1.5.3 matplotlib==3.3.2"},
    {"xgboost", "1.2-2", "", "1.2.0", "3.7",
     "xgboost==1.2.0 numpy==1.20.3 pandas==1.1.3 scikit-learn==0.23.2 scipy==1.5.3 matplotlib==3.3.2"},
    {"xgboost", "1.3-1", "", "1.3.3", "3.7",
     "xgboost==1.3.3 numpy==1.21.6 pandas==1.2.4 scikit-learn==0.24.1 scipy==1.6.2 matplotlib==3.4.1"},
    {"xgboost", "1.5-1", "", "1.5.2", "3.8",
     "xgboost==1.5.2 numpy==1.19.2 pandas==1.2.4 scikit-learn==0.24.1 scipy==1.6.2 matplotlib==3.4.1"},
    {"xgboost", "1.7-1", "", "1.7.4", "3.8",
     "xgboost==1.7.4 numpy==1.19.2 pandas==1.2.4 scikit-learn==0.24.1 scipy==1.6.2 matplotlib==3.4.1"},
    {"xgboost", "3.0-5", "", "3.0.5", "3.10",
     "xgboost==3.0.5 numpy==2.1.0 pandas==2.2.3 scikit-learn==1.5.2 scipy==1.15.0 matplotlib==3.9.2 pyarrow==22.0.0"},
    {"xgboost", "", "", "", "", "xgboost=={v} numpy pandas scikit-learn scipy matplotlib pyarrow"},

    {"pytorch", "", "", "", "", "torch=={v} torchvision torchaudio"},
    {"tensorflow", "", "cpu", "", "", "tensorflow-cpu=={v}"},
    {"tensorflow", "", "", "", "", "tensorflow=={v}"},
    {"huggingface", "", "", "", "", "transformers=={t} torch=={v} datasets accelerate evaluate sentencepiece"},
    {"huggingface-tensorflow", "", "cpu", "", "", "transformers=={t} tensorflow-cpu=={v} datasets"},
    {"huggingface-tensorflow", "", "", "", "", "transformers=={t} tensorflow=={v} datasets"},
    {"mxnet", "", "", "", "", "mxnet=={v} numpy<1.24"},
    {"autogluon", "", "", "", "", "autogluon=={v}"},
    {"python", "", "", "", "", ""},
    {"data-science", "", "", "", "", "scikit-learn numpy pandas scipy matplotlib"},
};

// boto3 knows AWS_ENDPOINT_URL, and so this server, from 1.28 on; images have an older one.
constexpr std::string_view kDataScience = "boto3>=1.28 numpy pandas scipy scikit-learn requests PyYAML sagemaker<3";
constexpr std::string_view kInference = "sagemaker-inference";
constexpr Common kCommon[] = {
    {"scikit-learn", "boto3>=1.28 requests PyYAML", kInference},
    {"xgboost", "boto3>=1.28 requests PyYAML", kInference},
    {"pytorch", kDataScience, kInference},
    {"tensorflow", kDataScience, kInference},
    {"huggingface", kDataScience, kInference},
    {"huggingface-tensorflow", kDataScience, kInference},
    {"mxnet", "boto3>=1.28 requests", kInference},
    {"autogluon", "boto3>=1.28", kInference},
    {"python", "boto3>=1.28 sagemaker<3", ""},
    {"data-science", "boto3>=1.28 requests sagemaker<3", ""},
};

constexpr std::string_view kJava = "it runs on Java and Spark, which are not of the Python package index";
constexpr std::string_view kOwnServer = "its server is a program of its own, which is not of the Python package index";
constexpr Foreign kForeign[] = {
    {"sagemaker-spark-processing", kJava},
    {"sagemaker-sparkml-serving", kJava},
    {"sagemaker-model-monitor-analyzer", "its program is not published outside the image"},
    {"sagemaker-clarify-processing", "its program is not published outside the image"},
    {"sagemaker-debugger-rules", "its program is not published outside the image"},
    {"sagemaker-data-wrangler-container", "its program is not published outside the image"},
    {"djl-inference", kOwnServer},
    {"huggingface-pytorch-tgi-inference", kOwnServer},
    {"huggingface-tei", kOwnServer},
    {"sagemaker-tritonserver", kOwnServer},
    {"sagemaker-rl-*", "its toolkits need TensorFlow 1 or Ray releases that no present Python has"},
    {"pytorch-training-neuron*", "it needs AWS's Neuron processors"},
    {"pytorch-inference-neuron*", "it needs AWS's Neuron processors"},
    {"huggingface-pytorch-training-neuron*", "it needs AWS's Neuron processors"},
    {"huggingface-pytorch-inference-neuron*", "it needs AWS's Neuron processors"},
};

}  // namespace

std::span<const Repository> repositories() { return kRepositories; }
std::span<const Release> releases() { return kReleases; }
std::span<const Common> common_packages() { return kCommon; }
std::span<const Foreign> foreign() { return kForeign; }

}  // namespace millrace::sagemaker::frameworks
