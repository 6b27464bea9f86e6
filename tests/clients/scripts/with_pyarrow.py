"""pyarrow: the file system of aws-sdk-cpp, and a parquet file through it."""

import pyarrow
import pyarrow.parquet as parquet
from pyarrow import fs
from told import BUCKET, ENDPOINT, KEY, LARGE, ODD, SECRET, SMALL, TRUSTED, run, step

scheme, host = ENDPOINT.split("://")
if TRUSTED:
    fs.initialize_s3(fs.S3LogLevel.Fatal)
s3 = fs.S3FileSystem(
    access_key=KEY,
    secret_key=SECRET,
    scheme=scheme,
    endpoint_override=host,
    region="us-east-1",
    allow_bucket_creation=True,
    allow_bucket_deletion=True,
    **({"tls_ca_file_path": TRUSTED} if TRUSTED else {}),
)


@step
def create_bucket():
    s3.create_dir(BUCKET)
    assert s3.get_file_info(BUCKET).type is fs.FileType.Directory


@step
def write_and_read():
    with s3.open_output_stream(f"{BUCKET}/{ODD}", metadata={"Content-Type": "text/css"}) as file:
        file.write(SMALL)
    with s3.open_input_file(f"{BUCKET}/{ODD}") as file:
        assert file.read() == SMALL


@step
def write_in_parts():
    with s3.open_output_stream(f"{BUCKET}/large") as file:
        for at in range(0, len(LARGE), 1 << 20):
            file.write(LARGE[at : at + (1 << 20)])
    with s3.open_input_stream(f"{BUCKET}/large") as file:
        assert file.read() == LARGE


@step
def parquet_file():
    table = pyarrow.table({"n": list(range(100_000))})
    parquet.write_table(table, f"{BUCKET}/t/table.parquet", filesystem=s3)
    assert parquet.read_table(f"{BUCKET}/t", filesystem=s3).equals(table)


@step
def folders():
    s3.create_dir(f"{BUCKET}/dir/inner")
    found = s3.get_file_info(fs.FileSelector(BUCKET, recursive=True))
    assert {f"{BUCKET}/dir", f"{BUCKET}/dir/inner", f"{BUCKET}/large"} <= {each.path for each in found}


@step
def copy_and_move():
    s3.copy_file(f"{BUCKET}/{ODD}", f"{BUCKET}/copy")
    s3.move(f"{BUCKET}/copy", f"{BUCKET}/moved")
    assert s3.get_file_info(f"{BUCKET}/moved").size == len(SMALL)


@step
def remove_everything():
    s3.delete_dir(BUCKET)
    assert s3.get_file_info(BUCKET).type is fs.FileType.NotFound


run(pyarrow.__version__)
