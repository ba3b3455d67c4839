'use strict'

// The code of a link to /setup stands behind its #, which no server sees.
const fill = () => {
  for (const field of document.querySelectorAll('[data-from-fragment]')) {
    if (location.hash.length > 1) {
      field.value = decodeURIComponent(location.hash.slice(1))
      history.replaceState(null, '', location.pathname)
    }
  }
}
fill()
addEventListener('hashchange', fill)

for (const link of document.querySelectorAll('[data-link]')) {
  link.textContent = new URL(link.dataset.link, location.href).href
}

for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(button.previousElementSibling.textContent)
    button.textContent = '✓'
  })
}

for (const button of document.querySelectorAll('[data-print]')) {
  button.addEventListener('click', () => print())
}

for (const left of document.querySelectorAll('[data-until]')) {
  const until = Date.parse(left.dataset.until)
  const show = () => {
    const s = Math.max(0, Math.floor((until - Date.now()) / 1000))
    const two = n => String(n).padStart(2, '0')
    left.textContent = s < 86400 ? `(${two(Math.floor(s / 3600))}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)})` : ''
  }
  show()
  setInterval(show, 1000)
}

// How a code stands, as long as that may change. The page of a code that was just made gets
// an address of its own, so that a reload doesn't make another.
for (const code of document.querySelectorAll('[data-code]')) {
  history.replaceState(null, '', code.dataset.code)
  document.querySelector('input[name=back]').value = code.dataset.code
  if (!('live' in code.dataset)) continue
  const events = new EventSource(code.dataset.code + '/events')
  events.onmessage = event => {
    const is = JSON.parse(event.data)
    const state = code.querySelector('[data-state]')
    state.textContent = is.name
    code.dataset.at = is.state
    state.classList.toggle('good', is.state === 'bound')
    state.classList.toggle('bad', is.state === 'refused')
    code.querySelector('[data-person]').textContent = is.person
    code.querySelector('[data-reason]').textContent = is.reason
    if (!is.over) return
    events.close()
    code.querySelector('[data-over]').hidden = false
    for (const part of code.querySelectorAll('[data-image]')) part.hidden = true
  }
}

// The preview of a notice shows what is typed.
for (const field of document.querySelectorAll('[data-fills]')) {
  const line = [...document.querySelectorAll('[data-shows]')].find(l => l.dataset.shows === field.dataset.fills)
  const show = () => { if (line) line.textContent = field.value || field.placeholder || '' }
  field.addEventListener('input', show)
  show()
}

for (const opens of document.querySelectorAll('[data-opens]')) {
  const link = document.querySelector('input[name=url]')
  link.addEventListener('input', () => { opens.hidden = !link.value })
}

// All on a page are ticked at once, and the list says how many are.
for (const said of document.querySelectorAll('[data-picked]')) {
  const form = said.closest('form')
  const ticks = [...form.querySelectorAll('input[name=id]')]
  const whole = [form.querySelector('[data-pick-all]'), form.querySelector('[data-pick-page] input')]
  const show = () => {
    const n = ticks.filter(t => t.checked).length
    said.textContent = n ? `${said.dataset.picked} ${n}` : ''
    for (const box of whole) {
      box.checked = n === ticks.length
      box.indeterminate = n > 0 && n < ticks.length
    }
  }
  whole[0].hidden = form.querySelector('[data-pick-page]').hidden = false
  for (const box of whole) {
    box.addEventListener('change', () => {
      for (const tick of ticks) tick.checked = box.checked
      show()
    })
  }
  form.addEventListener('change', show)
  addEventListener('pageshow', show)
}

// What is sent once stays on the page when the answer is a file.
for (const form of document.querySelectorAll('[data-once]')) {
  form.addEventListener('submit', () => setTimeout(() => {
    form.querySelector('button').disabled = true
    form.querySelector('[data-then]').hidden = false
  }))
}

// A part of a page that stays up to date by itself; not while somebody is about to do
// something in it.
for (const part of document.querySelectorAll('[data-live^="/"]')) {
  new EventSource(part.dataset.live).onmessage = event => {
    if (part.querySelector('details[open]') || part.contains(document.activeElement)) return
    part.innerHTML = event.data // our own page's, of which the server has escaped what isn't
  }
}

// A check that takes long tells how far it is.
for (const form of document.querySelectorAll('form[data-check]')) {
  const said = form.parentElement.querySelector('[data-checked]')
  const kept = form.parentElement.querySelector('[data-kept]')
  const show = is => {
    said.hidden = false
    if ('done' in is) return said.textContent = `${said.dataset.count} ${is.done}`
    said.textContent = is.text
    said.className = is.ok ? 'done' : 'wrong'
    kept.hidden = !is.head
    kept.querySelector('code').textContent = is.head || ''
  }
  form.addEventListener('submit', async event => {
    event.preventDefault()
    const button = form.querySelector('button')
    button.disabled = true
    said.className = ''
    show({ done: 0 })
    try {
      const answer = await fetch(form.action, { method: 'POST', body: new FormData(form), headers: { Accept: 'application/x-ndjson' } })
      if (answer.headers.get('Content-Type') !== 'application/x-ndjson') return form.submit()
      let rest = ''
      for (const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader(); ;) {
        const { done, value } = await reader.read()
        const lines = (rest + (value || '')).split('\n')
        rest = lines.pop()
        lines.forEach(line => show(JSON.parse(line)))
        if (done) break
      }
    } finally {
      button.disabled = false
    }
  })
}
