"""moto's S3 on 127.0.0.1:  serve.py PORT

One request at a time: moto looks whether a key is taken and stores it afterwards, and two threads could do so side by side.
"""

import sys

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, run_simple


class QuietHandler(WSGIRequestHandler):
    def log_request(self, code="-", size="-"):
        pass


application = DomainDispatcherApplication(create_backend_app)
run_simple("127.0.0.1", int(sys.argv[1]), application, threaded=False, request_handler=QuietHandler)
