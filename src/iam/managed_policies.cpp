#include "iam/managed_policies.h"

namespace millrace::iam {

// clang-format off
const std::vector<ManagedPolicy>& managed_policies() {
  static const std::vector<ManagedPolicy> policies = {
    {"AdministratorAccess", "/", "ANPAIWMBCKSKIEE64ZLYK", "v1", R"json({
  "Version": "2012-10-17",
  "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
})json"},
    {"PowerUserAccess", "/", "ANPAJYRXTHIB4FOVS3ZXS", "v12", R"json({
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"},
    {"Effect": "Allow", "Action": ["account:GetAccountInformation", "account:GetGovCloudAccountInformation", "account:GetPrimaryEmail", "account:ListRegions",
      "iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole", "iam:ListRoles", "organizations:DescribeEffectivePolicy", "organizations:DescribeOrganization"],
     "Resource": "*"}
  ]
})json"},
    {"IAMFullAccess", "/", "ANPAI7XKCFMBPM3QQRRVQ", "v2", R"json({
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": ["iam:*", "organizations:DescribeAccount", "organizations:DescribeOrganization", "organizations:DescribeOrganizationalUnit",
      "organizations:DescribePolicy", "organizations:ListChildren", "organizations:ListParents", "organizations:ListPoliciesForTarget", "organizations:ListRoots",
      "organizations:ListPolicies", "organizations:ListTargetsForPolicy"], "Resource": "*"}
  ]
})json"},
    {"IAMReadOnlyAccess", "/", "ANPAJKSO7NDY4T57MWDSQ", "v4", R"json({
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": ["iam:GenerateCredentialReport", "iam:GenerateServiceLastAccessedDetails", "iam:Get*", "iam:List*", "iam:SimulateCustomPolicy",
      "iam:SimulatePrincipalPolicy"], "Resource": "*"}
  ]
})json"},
    {"AmazonS3FullAccess", "/", "ANPAIFIR6V6BVTRAHWINE", "v2", R"json({
  "Version": "2012-10-17",
  "Statement": [{"Effect": "Allow", "Action": ["s3:*", "s3-object-lambda:*"], "Resource": "*"}]
})json"},
    {"AmazonS3ReadOnlyAccess", "/", "ANPAIZTJ4DXE7G6AGAE6M", "v3", R"json({
  "Version": "2012-10-17",
  "Statement": [{"Effect": "Allow", "Action": ["s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*"], "Resource": "*"}]
})json"},
    {"CloudWatchLogsFullAccess", "/", "ANPAJ3ZGNWK2R5HW5BQFO", "v2", R"json({
  "Version": "2012-10-17",
  "Statement": [{"Effect": "Allow", "Action": ["logs:*", "cloudwatch:GenerateQuery"], "Resource": "*"}]
})json"},
    {"CloudWatchLogsReadOnlyAccess", "/", "ANPAJ2YIYDYSNNEHK3VKW", "v6", R"json({
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "CloudWatchLogsReadOnlyAccess", "Effect": "Allow", "Action": ["logs:Describe*", "logs:Get*", "logs:List*", "logs:StartQuery", "logs:StopQuery",
      "logs:TestMetricFilter", "logs:FilterLogEvents", "logs:StartLiveTail", "logs:StopLiveTail", "cloudwatch:GenerateQuery"], "Resource": "*"}
  ]
})json"},
    {"AmazonEKSWorkerNodePolicy", "/", "ANPAJBKKPB5BY4XRKCPYS", "v3", R"json({
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "WorkerNodePermissions", "Effect": "Allow", "Action": ["ec2:DescribeInstances", "ec2:DescribeInstanceTypes", "ec2:DescribeRouteTables",
      "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVolumes", "ec2:DescribeVolumesModifications", "ec2:DescribeVpcs", "eks:DescribeCluster",
      "eks-auth:AssumeRoleForPodIdentity"], "Resource": "*"}
  ]
})json"},
    {"AmazonEC2ContainerRegistryReadOnly", "/", "ANPAIFYZPA37OOHVIH7KQ", "v3", R"json({
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy",
      "ecr:DescribeRepositories", "ecr:ListImages", "ecr:DescribeImages", "ecr:BatchGetImage", "ecr:GetLifecyclePolicy", "ecr:GetLifecyclePolicyPreview",
      "ecr:ListTagsForResource", "ecr:DescribeImageScanFindings"], "Resource": "*"}
  ]
})json"},
    {"AmazonSageMakerReadOnly", "/", "ANPAJSGHH2SMM6Z2CLUMC", "v13", R"json({
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": ["sagemaker:Describe*", "sagemaker:List*", "sagemaker:BatchGetMetrics", "sagemaker:GetDeviceRegistration",
      "sagemaker:GetDeviceFleetReport", "sagemaker:GetSearchSuggestions", "sagemaker:BatchGetRecord", "sagemaker:GetRecord", "sagemaker:Search",
      "sagemaker:QueryLineage", "sagemaker:GetLineageGroupPolicy", "sagemaker:BatchDescribeModelPackage", "sagemaker:GetModelPackageGroupPolicy"], "Resource": "*"},
    {"Effect": "Allow", "Action": ["application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingActivities",
      "application-autoscaling:DescribeScalingPolicies", "application-autoscaling:DescribeScheduledActions", "aws-marketplace:ViewSubscriptions",
      "cloudwatch:DescribeAlarms", "cognito-idp:DescribeUserPool", "cognito-idp:DescribeUserPoolClient", "cognito-idp:ListGroups",
      "cognito-idp:ListIdentityProviders", "cognito-idp:ListUserPoolClients", "cognito-idp:ListUserPools", "cognito-idp:ListUsers",
      "cognito-idp:ListUsersInGroup", "ecr:Describe*"], "Resource": "*"}
  ]
})json"},
    {"AmazonSageMakerFullAccess", "/", "ANPAJZ5IWYMXO5QDB4QOG", "v29", R"json({
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "AllowAllNonAdminSageMakerActions", "Effect": "Allow", "Action": ["sagemaker:*", "sagemaker-geospatial:*"],
     "NotResource": ["arn:aws:sagemaker:*:*:domain/*", "arn:aws:sagemaker:*:*:user-profile/*", "arn:aws:sagemaker:*:*:app/*", "arn:aws:sagemaker:*:*:space/*",
       "arn:aws:sagemaker:*:*:partner-app/*", "arn:aws:sagemaker:*:*:flow-definition/*", "arn:aws:sagemaker:*:*:training-plan/*",
       "arn:aws:sagemaker:*:*:reserved-capacity/*"]},
    {"Sid": "AllowAddTagsForSpace", "Effect": "Allow", "Action": ["sagemaker:AddTags"], "Resource": ["arn:aws:sagemaker:*:*:space/*"],
     "Condition": {"StringEquals": {"sagemaker:TaggingAction": "CreateSpace"}}},
    {"Sid": "AllowAddTagsForApp", "Effect": "Allow", "Action": ["sagemaker:AddTags"], "Resource": ["arn:aws:sagemaker:*:*:app/*"]},
    {"Sid": "AllowUseOfTrainingPlanResources", "Effect": "Allow",
     "Action": ["sagemaker:CreateTrainingJob", "sagemaker:CreateCluster", "sagemaker:UpdateCluster", "sagemaker:DescribeTrainingPlan"],
     "Resource": ["arn:aws:sagemaker:*:*:training-plan/*", "arn:aws:sagemaker:*:*:reserved-capacity/*"]},
    {"Sid": "AllowStudioActions", "Effect": "Allow", "Action": ["sagemaker:CreatePresignedDomainUrl", "sagemaker:DescribeDomain", "sagemaker:ListDomains",
       "sagemaker:DescribeUserProfile", "sagemaker:ListUserProfiles", "sagemaker:DescribeSpace", "sagemaker:ListSpaces", "sagemaker:DescribeApp",
       "sagemaker:ListApps"], "Resource": "*"},
    {"Sid": "AllowFlowDefinitionActions", "Effect": "Allow", "Action": "sagemaker:*", "Resource": ["arn:aws:sagemaker:*:*:flow-definition/*"],
     "Condition": {"StringEqualsIfExists": {"sagemaker:WorkteamType": ["private-crowd", "vendor-crowd"]}}},
    {"Sid": "AllowAWSServiceActions", "Effect": "Allow", "Action": ["application-autoscaling:DeleteScalingPolicy", "application-autoscaling:DeleteScheduledAction",
       "application-autoscaling:DeregisterScalableTarget", "application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingActivities",
       "application-autoscaling:DescribeScalingPolicies", "application-autoscaling:DescribeScheduledActions", "application-autoscaling:PutScalingPolicy",
       "application-autoscaling:PutScheduledAction", "application-autoscaling:RegisterScalableTarget", "aws-marketplace:ViewSubscriptions",
       "cloudformation:GetTemplateSummary", "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics",
       "cloudwatch:ListMetrics", "cloudwatch:PutMetricAlarm", "cloudwatch:PutMetricData", "ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission",
       "ec2:CreateVpcEndpoint", "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission", "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces",
       "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs",
       "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CreateRepository", "ecr:Describe*", "ecr:GetAuthorizationToken", "ecr:GetDownloadUrlForLayer",
       "ecr:StartImageScan", "elastic-inference:Connect", "elasticfilesystem:DescribeFileSystems", "elasticfilesystem:DescribeMountTargets",
       "fsx:DescribeFileSystems", "groundtruthlabeling:*", "iam:ListRoles", "kms:DescribeKey", "kms:ListAliases", "lambda:ListFunctions", "logs:CreateLogDelivery",
       "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DeleteLogDelivery", "logs:Describe*", "logs:GetLogDelivery", "logs:GetLogEvents",
       "logs:ListLogDeliveries", "logs:PutLogEvents", "logs:PutResourcePolicy", "logs:UpdateLogDelivery", "robomaker:CreateSimulationApplication",
       "robomaker:DescribeSimulationApplication", "robomaker:DeleteSimulationApplication", "robomaker:CreateSimulationJob", "robomaker:DescribeSimulationJob",
       "robomaker:CancelSimulationJob", "secretsmanager:ListSecrets", "sns:ListTopics", "tag:GetResources"], "Resource": "*"},
    {"Sid": "AllowECRActions", "Effect": "Allow", "Action": ["ecr:SetRepositoryPolicy", "ecr:CompleteLayerUpload", "ecr:BatchDeleteImage", "ecr:UploadLayerPart",
       "ecr:DeleteRepositoryPolicy", "ecr:InitiateLayerUpload", "ecr:DeleteRepository", "ecr:PutImage"], "Resource": ["arn:aws:ecr:*:*:repository/*sagemaker*"]},
    {"Sid": "AllowS3ObjectActions", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
     "Resource": ["arn:aws:s3:::*SageMaker*", "arn:aws:s3:::*Sagemaker*", "arn:aws:s3:::*sagemaker*", "arn:aws:s3:::*aws-glue*"]},
    {"Sid": "AllowS3GetObjectWithSageMakerExistingObjectTag", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::*"],
     "Condition": {"StringEqualsIgnoreCase": {"s3:ExistingObjectTag/SageMaker": "true"}}},
    {"Sid": "AllowS3GetObjectWithServiceCatalogProvisioningExistingObjectTag", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::*"],
     "Condition": {"StringEquals": {"s3:ExistingObjectTag/servicecatalog:provisioning": "true"}}},
    {"Sid": "AllowS3BucketActions", "Effect": "Allow", "Action": ["s3:CreateBucket", "s3:GetBucketLocation", "s3:ListBucket", "s3:ListAllMyBuckets",
       "s3:GetBucketCors", "s3:PutBucketCors"], "Resource": "*"},
    {"Sid": "AllowS3BucketACL", "Effect": "Allow", "Action": ["s3:GetBucketAcl", "s3:PutObjectAcl"],
     "Resource": ["arn:aws:s3:::*SageMaker*", "arn:aws:s3:::*Sagemaker*", "arn:aws:s3:::*sagemaker*"]},
    {"Sid": "AllowLambdaInvokeFunction", "Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": ["arn:aws:lambda:*:*:function:*SageMaker*",
       "arn:aws:lambda:*:*:function:*sagemaker*", "arn:aws:lambda:*:*:function:*Sagemaker*", "arn:aws:lambda:*:*:function:*LabelingFunction*"]},
    {"Sid": "AllowCreateServiceLinkedRoleForSageMakerApplicationAutoscaling", "Action": "iam:CreateServiceLinkedRole", "Effect": "Allow",
     "Resource": "arn:aws:iam::*:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
     "Condition": {"StringLike": {"iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"}}},
    {"Sid": "AllowCreateServiceLinkedRoleForRobomaker", "Effect": "Allow", "Action": "iam:CreateServiceLinkedRole", "Resource": "*",
     "Condition": {"StringEquals": {"iam:AWSServiceName": "robomaker.amazonaws.com"}}},
    {"Sid": "AllowSNSActions", "Effect": "Allow", "Action": ["sns:Subscribe", "sns:CreateTopic", "sns:Publish"],
     "Resource": ["arn:aws:sns:*:*:*SageMaker*", "arn:aws:sns:*:*:*Sagemaker*", "arn:aws:sns:*:*:*sagemaker*"]},
    {"Sid": "AllowPassRoleForSageMakerRoles", "Effect": "Allow", "Action": ["iam:PassRole"], "Resource": "arn:aws:iam::*:role/*AmazonSageMaker*",
     "Condition": {"StringEquals": {"iam:PassedToService": ["glue.amazonaws.com", "robomaker.amazonaws.com", "states.amazonaws.com"]}}},
    {"Sid": "AllowPassRoleToSageMaker", "Effect": "Allow", "Action": ["iam:PassRole"], "Resource": "arn:aws:iam::*:role/*",
     "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}},
    {"Sid": "AllowListTagsForUserProfile", "Effect": "Allow", "Action": ["sagemaker:ListTags"], "Resource": ["arn:aws:sagemaker:*:*:user-profile/*"]}
  ]
})json"},
  };
  return policies;
}
// clang-format on

const ManagedPolicy* managed_policy(std::string_view arn) {
  for (const ManagedPolicy& policy : managed_policies()) {
    if (policy.arn() == arn) return &policy;
  }
  return nullptr;
}

}  // namespace millrace::iam
