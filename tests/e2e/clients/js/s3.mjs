// Drives Millrace's S3 with the AWS SDK for JavaScript v3, as it comes: write, read, copy, list, multipart, presigned.
// Prints "ok", or ends with the first thing that is not as it should be.
import assert from "node:assert/strict";
import {
  CopyObjectCommand, CreateBucketCommand, DeleteBucketCommand, DeleteObjectsCommand, GetObjectCommand,
  GetObjectTaggingCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const Bucket = "js-client";
const client = new S3Client({ forcePathStyle: true });
const send = (Command, input) => client.send(new Command({ Bucket, ...input }));

await send(CreateBucketCommand);
const { ETag } = await send(PutObjectCommand, { Key: "a/k", Body: "hello", Metadata: { colour: "blue" } });
const got = await send(GetObjectCommand, { Key: "a/k" });
assert.equal(await got.Body.transformToString(), "hello");
assert.deepEqual(got.Metadata, { colour: "blue" });
const part = await send(GetObjectCommand, { Key: "a/k", Range: "bytes=1-3" });
assert.equal(await part.Body.transformToString(), "ell");

await assert.rejects(send(GetObjectCommand, { Key: "none" }), { name: "NoSuchKey", Key: "none" });
await assert.rejects(send(GetObjectCommand, { Key: "a/k", IfNoneMatch: ETag }), (e) => e.$metadata.httpStatusCode === 304);

// As its users write it: the slash is encoded too.
await send(CopyObjectCommand, { Key: "b/copy", CopySource: encodeURIComponent(`${Bucket}/a/k`) });
assert.equal((await send(HeadObjectCommand, { Key: "b/copy" })).ETag, ETag);

const large = Buffer.alloc(6 << 20, "0123456789abcdef");
await new Upload({ client, params: { Bucket, Key: "large", Body: large } }).done();
const whole = await send(GetObjectCommand, { Key: "large" });
assert.ok(large.equals(Buffer.from(await whole.Body.transformToByteArray())));

const list = await send(ListObjectsV2Command, { Delimiter: "/" });
assert.deepEqual(list.Contents.map((o) => o.Key), ["large"]);
assert.deepEqual(list.CommonPrefixes.map((p) => p.Prefix), ["a/", "b/"]);

// The presigner moves x-amz- headers into the query, and signs the checksum of no body.
const put = new PutObjectCommand({ Bucket, Key: "signed", Metadata: { a: "b" }, Tagging: "t=1" });
const answer = await fetch(await getSignedUrl(client, put, { expiresIn: 60 }), { method: "PUT", body: "by url" });
assert.equal(answer.status, 200, await answer.text());
assert.deepEqual((await send(HeadObjectCommand, { Key: "signed" })).Metadata, { a: "b" });
assert.deepEqual((await send(GetObjectTaggingCommand, { Key: "signed" })).TagSet, [{ Key: "t", Value: "1" }]);
const get = await getSignedUrl(client, new GetObjectCommand({ Bucket, Key: "signed" }), { expiresIn: 60 });
assert.equal(await (await fetch(get)).text(), "by url");

const Objects = ["a/k", "b/copy", "large", "signed"].map((Key) => ({ Key }));
assert.equal((await send(DeleteObjectsCommand, { Delete: { Objects } })).Deleted.length, 4);
await send(DeleteBucketCommand);
console.log("ok");
