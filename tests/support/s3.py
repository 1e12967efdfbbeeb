"""An S3-compatible server in the process of the tests."""

import boto3
from moto.server import ThreadedMotoServer

KEY, SECRET, BUCKET = "AKIATEST", "a+secret/with:all", "rally-uploads"
#: Key and secret as a URL has them.
LOGIN = "AKIATEST:a%2Bsecret%2Fwith%3Aall"


class S3:
    """A server with a bucket. What is in it stays while the server is stopped."""

    def __init__(self):
        self._port = 0
        self.start()
        self.client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )
        self.client.create_bucket(Bucket=BUCKET)

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self._port}"

    @property
    def url(self):
        """The URL for the settings."""
        return f"s3://{LOGIN}@{BUCKET}/files?region=us-east-1&endpoint={self.endpoint}"

    def start(self):
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self._port, verbose=False)
        self._server.start()
        self._port, self.is_up = self._server.get_host_and_port()[1], True

    def stop(self):
        self._server.stop()
        self.is_up = False

    def names(self):
        """Return the keys in the bucket."""
        return sorted(found["Key"] for found in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", ()))

    def empty(self):
        for name in self.names():
            self.client.delete_object(Bucket=BUCKET, Key=name)
