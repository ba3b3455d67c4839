// Sets up WeChat's JS-SDK in a page of a micro-site:
//
//   <script src="https://res.wx.qq.com/open/js/jweixin-1.6.0.js"></script>
//   <script src="-/jssdk.js"></script>
//   <script>wsite.config({ jsApiList: ['chooseImage'] }).catch(console.error)</script>
//
// In an app of one page, call wsite.config again after each change of the address.
// WeChat on iPhones wants the address signed with which the page was loaded, other
// phones the one of the moment.
(function () {
  'use strict';
  var landing = location.href.split('#')[0];
  var base = document.currentScript.src.replace(/\.js(\?.*)?$/, '');
  var iphone = /iphone|ipad|ipod/i.test(navigator.userAgent);

  function config(options) {
    var page = iphone ? landing : location.href.split('#')[0];
    return fetch(base + '?url=' + encodeURIComponent(page), { credentials: 'same-origin' })
      .then(function (answer) {
        if (!answer.ok) throw new Error('wsite: the page could not be signed: ' + answer.status);
        return answer.json();
      })
      .then(function (signed) {
        return new Promise(function (resolve, reject) {
          wx.ready(resolve);
          wx.error(reject);
          wx.config(Object.assign({}, options, signed));
        });
      });
  }

  window.wsite = Object.assign(window.wsite || {}, { config: config });
})();
