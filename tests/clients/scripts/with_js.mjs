// aws-sdk-js v3 with its own defaults.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Readable } from "node:stream";

const require = createRequire(process.cwd() + "/");
const s3sdk = require("@aws-sdk/client-s3");
const { Upload } = require("@aws-sdk/lib-storage");

const bucket = process.env.CLIENT_BUCKET;
const small = Buffer.from("hello, object");
const large = Buffer.alloc(12 << 20, 7);
const odd = "a b+c/\u00e9 %2F(x)~.txt";
const client = new s3sdk.S3Client({ endpoint: process.env.CLIENT_ENDPOINT, forcePathStyle: true });
const send = (name, input) => client.send(new s3sdk[`${name}Command`]({ Bucket: bucket, ...input }));
const bytes = async (answer) => Buffer.from(await answer.Body.transformToByteArray());
const equal = (found, wanted) => {
  if (String(found) !== String(wanted)) throw new Error(`expected ${wanted}, found ${found}`);
};

const steps = {
  "create bucket": async () => {
    await send("CreateBucket");
    await send("HeadBucket");
  },
  "put get head": async () => {
    await send("PutObject", { Key: odd, Body: small, Metadata: { m: "1" } });
    const found = await send("GetObject", { Key: odd });
    equal(found.Metadata.m, "1");
    equal(await bytes(found), small);
    equal((await send("HeadObject", { Key: odd })).ContentLength, small.length);
  },
  "ranges": async () => equal(await bytes(await send("GetObject", { Key: odd, Range: "bytes=2-4" })), "llo"),
  "a stream of known length": async () => {
    await send("PutObject", { Key: "stream", Body: Readable.from([small]), ContentLength: small.length });
    equal(await bytes(await send("GetObject", { Key: "stream" })), small);
  },
  "upload in parts": async () => {
    await new Upload({ client, params: { Bucket: bucket, Key: "large", Body: Readable.from([large]) } }).done();
    equal(Buffer.compare(await bytes(await send("GetObject", { Key: "large" })), large), 0);
  },
  "lists": async () => {
    for (const number of [0, 1, 2]) await send("PutObject", { Key: `dir/${number}/x`, Body: "x" });
    const found = await send("ListObjectsV2", { Prefix: "dir/", Delimiter: "/" });
    equal(found.CommonPrefixes.map((each) => each.Prefix), ["dir/0/", "dir/1/", "dir/2/"]);
  },
  "copy": async () => {
    await send("CopyObject", { Key: "copy", CopySource: encodeURIComponent(`${bucket}/${odd}`) });
    equal(await bytes(await send("GetObject", { Key: "copy" })), small);
  },
  "tags": async () => {
    await send("PutObjectTagging", { Key: odd, Tagging: { TagSet: [{ Key: "a", Value: "1" }] } });
    equal((await send("GetObjectTagging", { Key: odd })).TagSet[0].Value, "1");
  },
  "attributes": async () => {
    const found = await send("GetObjectAttributes", { Key: odd, ObjectAttributes: ["ETag", "ObjectSize"] });
    equal(found.ObjectSize, small.length);
  },
  "conditions": async () => {
    const refused = await send("PutObject", { Key: odd, Body: "x", IfNoneMatch: "*" }).catch((error) => error.name);
    equal(refused, "PreconditionFailed");
  },
  "errors": async () => {
    equal(await send("GetObject", { Key: "none" }).catch((error) => error.name), "NoSuchKey");
    equal(await send("HeadObject", { Key: "none" }).catch((error) => error.name), "NotFound");
  },
  "delete everything": async () => {
    const found = await send("ListObjectsV2", {});
    const gone = await send("DeleteObjects", { Delete: { Objects: found.Contents.map(({ Key }) => ({ Key })) } });
    equal(gone.Errors ?? "", "");
    await send("DeleteBucket");
  },
};

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
say([JSON.parse(readFileSync(process.cwd() + "/node_modules/@aws-sdk/client-s3/package.json")).version]);
for (const [name, body] of Object.entries(steps)) {
  try {
    await body();
    say([name, ""]);
  } catch (error) {
    say([name, `${error.name}: ${error.message}`.slice(0, 600)]);
  }
}
