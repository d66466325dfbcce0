"""Open a page in Qt's Chromium and print what it is like there, as JSON. Arguments: page, width, height (pixels)."""

import json
import os
import sys
from pathlib import Path

os.environ |= {
    "QT_QPA_PLATFORM": "offscreen",
    "QTWEBENGINE_DISABLE_SANDBOX": "1",  # which refuses the user root
    "QTWEBENGINE_CHROMIUM_FLAGS": "--disable-gpu",
}

from PyQt6.QtCore import QTimer, QUrl
from PyQt6.QtWebEngineCore import QWebEnginePage, QWebEngineUrlRequestInterceptor
from PyQt6.QtWebEngineWidgets import QWebEngineView
from PyQt6.QtWidgets import QApplication

LOOK = """(() => {
  const number = document.querySelector(".number");
  number.click();
  const open = document.querySelector(":popover-open");
  return JSON.stringify({
    title: document.title,
    wide: document.documentElement.scrollWidth - window.innerWidth,
    images: [...document.images].map(image => image.naturalWidth),
    scrolled: [...document.querySelectorAll(".scroll")].filter(box => box.scrollWidth > box.clientWidth).length,
    origin: open && open.id === number.getAttribute("popovertarget") ? open.innerText : "",
  });
})()"""

found = {"console": [], "requests": []}


class Page(QWebEnginePage):
    def javaScriptConsoleMessage(self, _level, message, _line, _source):  # noqa: N802
        found["console"].append(message)


class Requests(QWebEngineUrlRequestInterceptor):
    def interceptRequest(self, info):  # noqa: N802
        found["requests"].append(info.requestUrl().scheme())


def looked(answer):
    found.update(json.loads(answer))
    page.printToPdf(printed)


def printed(pdf):
    found["pdf"] = bytes(pdf.data()[:5]).decode()
    found["pdf_bytes"] = pdf.size()
    app.quit()


app = QApplication(sys.argv)
requests = Requests()
view = QWebEngineView()
page = Page(view)
page.setUrlRequestInterceptor(requests)
view.setPage(page)
view.resize(int(sys.argv[2]), int(sys.argv[3]))
view.show()
page.loadFinished.connect(lambda _fine: page.runJavaScript(LOOK, looked))
page.load(QUrl.fromLocalFile(str(Path(sys.argv[1]).resolve())))
QTimer.singleShot(60_000, app.quit)
app.exec()
print(json.dumps(found), flush=True)
os._exit(0)  # Qt's objects are torn down in an order that it does not like
