// Drives Millrace's S3 with the AWS SDK for Go v2, as it comes: write, read, copy, list, multipart, presigned.
// Prints "ok", or the first thing that is not as it should be.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const bucket = "go-client"

func must(err error) {
	if err != nil {
		fmt.Println("FAIL", err)
		os.Exit(1)
	}
}

func want(what string, got, expected any) {
	if fmt.Sprint(got) != fmt.Sprint(expected) {
		must(fmt.Errorf("%s: %v, not %v", what, got, expected))
	}
}

func read(body io.ReadCloser) []byte {
	defer body.Close()
	data, err := io.ReadAll(body)
	must(err)
	return data
}

func main() {
	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx)
	must(err)
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	b := aws.String(bucket)
	_, err = client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: b})
	must(err)

	put, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: b, Key: aws.String("a/k"), Body: strings.NewReader("hello"),
		Metadata: map[string]string{"colour": "blue"}, Tagging: aws.String("t=1")})
	must(err)
	get, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: b, Key: aws.String("a/k")})
	must(err)
	want("read", string(read(get.Body)), "hello")
	want("metadata", get.Metadata["colour"], "blue")
	part, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: b, Key: aws.String("a/k"), Range: aws.String("bytes=1-3")})
	must(err)
	want("range", string(read(part.Body)), "ell")

	_, err = client.GetObject(ctx, &s3.GetObjectInput{Bucket: b, Key: aws.String("none")})
	var absent *types.NoSuchKey
	want("an absent key is NoSuchKey", errors.As(err, &absent), true)
	_, err = client.GetObject(ctx, &s3.GetObjectInput{Bucket: b, Key: aws.String("a/k"), IfNoneMatch: put.ETag})
	want("not modified", err != nil && strings.Contains(err.Error(), "304"), true)

	copied, err := client.CopyObject(ctx, &s3.CopyObjectInput{Bucket: b, Key: aws.String("b/copy"),
		CopySource: aws.String(bucket + "/a/k"), ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
	must(err)
	want("the copy's checksum", copied.CopyObjectResult.ChecksumSHA256 != nil, true)

	large := bytes.Repeat([]byte("0123456789abcdef"), (6<<20)/16)
	_, err = manager.NewUploader(client).Upload(ctx, &s3.PutObjectInput{Bucket: b, Key: aws.String("large"),
		Body: bytes.NewReader(large)})
	must(err)
	buffer := manager.NewWriteAtBuffer(nil)
	_, err = manager.NewDownloader(client).Download(ctx, buffer, &s3.GetObjectInput{Bucket: b, Key: aws.String("large")})
	must(err)
	want("multipart", bytes.Equal(buffer.Bytes(), large), true)

	list, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: b, Delimiter: aws.String("/")})
	must(err)
	want("keys", len(list.Contents), 1)
	want("prefixes", len(list.CommonPrefixes), 2)

	signer := s3.NewPresignClient(client)
	url, err := signer.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: b, Key: aws.String("signed")})
	must(err)
	request, err := http.NewRequest(url.Method, url.URL, strings.NewReader("by url"))
	must(err)
	for name, values := range url.SignedHeader {
		if !strings.EqualFold(name, "host") && !strings.EqualFold(name, "content-length") {
			request.Header[name] = values
		}
	}
	response, err := http.DefaultClient.Do(request)
	must(err)
	want("presigned put: "+string(read(response.Body)), response.StatusCode, 200)
	url, err = signer.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: b, Key: aws.String("signed")})
	must(err)
	response, err = http.Get(url.URL)
	must(err)
	want("presigned get", string(read(response.Body)), "by url")

	removed, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: b, Delete: &types.Delete{Objects: []types.ObjectIdentifier{
		{Key: aws.String("a/k")}, {Key: aws.String("b/copy")}, {Key: aws.String("large")}, {Key: aws.String("signed")}}}})
	must(err)
	want("deleted", len(removed.Deleted), 4)
	_, err = client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: b})
	must(err)
	fmt.Println("ok")
}
