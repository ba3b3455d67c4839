'use strict'

// The code of a link to /setup stands behind its #, which no server sees.
for (const field of document.querySelectorAll('[data-from-fragment]')) {
  if (location.hash.length > 1 && !field.value) {
    field.value = decodeURIComponent(location.hash.slice(1))
    history.replaceState(null, '', location.pathname)
  }
}

for (const link of document.querySelectorAll('[data-link]')) {
  link.textContent = new URL(link.dataset.link, location.href).href
}

for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(button.previousElementSibling.textContent)
    button.textContent = '✓'
  })
}
