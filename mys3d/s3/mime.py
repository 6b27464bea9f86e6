"""The type of an object whose client sent none.        Floor: s3 (pure). Called by: operations.

Law: the answer depends on the key alone: the table is written down here and no file of the system is read, so every
node guesses the same. Source: IANA media types; RFC 9239 (JavaScript), RFC 9512 (YAML), RFC 8081 (fonts).
"""

from typing import Final

DEFAULT: Final = "binary/octet-stream"  # what S3 answers for an object stored without a type

_TABLE: Final = """
application/atom+xml atom
application/epub+zip epub
application/geo+json geojson
application/gzip gz tgz
application/java-archive jar
application/json json map
application/jsonl jsonl
application/ld+json jsonld
application/manifest+json webmanifest
application/msword doc dot
application/octet-stream bin dll exe img iso so
application/pdf pdf
application/postscript ai eps ps
application/rdf+xml rdf
application/rss+xml rss
application/rtf rtf
application/sql sql
application/toml toml
application/vnd.apache.arrow.file arrow feather
application/vnd.apache.avro avro
application/vnd.apache.parquet parquet
application/vnd.debian.binary-package deb
application/vnd.ms-excel xls xlt
application/vnd.ms-fontobject eot
application/vnd.ms-powerpoint ppt pot pps
application/vnd.oasis.opendocument.presentation odp
application/vnd.oasis.opendocument.spreadsheet ods
application/vnd.oasis.opendocument.text odt
application/vnd.openxmlformats-officedocument.presentationml.presentation pptx
application/vnd.openxmlformats-officedocument.spreadsheetml.sheet xlsx
application/vnd.openxmlformats-officedocument.wordprocessingml.document docx
application/vnd.sqlite3 sqlite sqlite3
application/wasm wasm
application/x-7z-compressed 7z
application/x-bzip2 bz2
application/x-hdf5 h5 hdf5
application/x-ipynb+json ipynb
application/x-ndjson ndjson
application/x-rpm rpm
application/x-sh sh
application/x-tar tar
application/x-xz xz
application/xhtml+xml xhtml
application/xml xml xsd xsl
application/xslt+xml xslt
application/yaml yaml yml
application/zip zip
application/zstd zst
audio/aac aac adts
audio/aiff aif aiff
audio/flac flac
audio/midi mid midi
audio/mp4 m4a
audio/mpeg mp3 mp2
audio/ogg ogg oga opus
audio/wav wav
audio/webm weba
font/otf otf
font/ttf ttf
font/woff woff
font/woff2 woff2
image/apng apng
image/avif avif
image/bmp bmp
image/gif gif
image/heic heic
image/heif heif
image/jpeg jpg jpeg jpe
image/jxl jxl
image/png png
image/svg+xml svg
image/tiff tif tiff
image/vnd.adobe.photoshop psd
image/vnd.microsoft.icon ico
image/webp webp
message/rfc822 eml mht mhtml
model/gltf+json gltf
model/gltf-binary glb
model/obj obj
model/stl stl
text/calendar ics
text/css css
text/csv csv
text/html html htm
text/javascript js mjs cjs
text/markdown md markdown
text/plain txt text log conf ini c h
text/rtf rtx
text/tab-separated-values tsv
text/vcard vcf
text/vtt vtt
text/x-python py
video/3gpp 3gp
video/mp2t ts m2ts
video/mp4 mp4 m4v
video/mpeg mpeg mpg mpe
video/ogg ogv
video/quicktime mov qt
video/webm webm
video/x-flv flv
video/x-matroska mkv
video/x-ms-wmv wmv
video/x-msvideo avi
"""

_TYPES: Final = {
    extension: kind for kind, *extensions in map(str.split, _TABLE.strip().splitlines()) for extension in extensions
}


def guess(key: str) -> str:
    """Return the type that the extension of the key's last segment speaks of. A leading dot starts no extension."""
    stem, _, extension = key.rpartition("/")[2].rpartition(".")
    return _TYPES.get(extension.lower(), DEFAULT) if stem else DEFAULT
