/* A browser refuses a worker to a page that was opened from a folder. There, this stands in for one: the same script
   runs in a hidden frame, and messages go to and fro. Served pages are left alone. */
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.body.appendChild(frame)
      this.inside = frame.contentWindow
      this.inside.toOutside = data => setTimeout(() => {
        const message = new MessageEvent("message", { data })
        this.dispatchEvent(message)
        if (this.onmessage) this.onmessage(message)
      })
      this.waiting = []
      const page = this.inside.document
      const answer = page.createElement("script")
      answer.textContent = "self.postMessage = data => self.toOutside(data); self.importScripts = () => {}"
      page.body.appendChild(answer)
      const script = page.createElement("script")
      script.src = url
      script.onload = () => { this.ready = true; this.waiting.splice(0).forEach(data => this.postMessage(data)) }
      page.body.appendChild(script)
    }
    postMessage(data) {
      if (!this.ready) { this.waiting.push(data); return }
      this.inside.dispatchEvent(new this.inside.MessageEvent("message", { data }))
    }
    terminate() {}
  }
}
